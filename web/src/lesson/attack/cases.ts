// The three cases of the page, in words.

import { type Source, s9000 } from '../../dashboard/explain.ts';
import type { AttackKind } from '../../protocol/messages.gen.ts';

export interface Case {
  kind: AttackKind;
  title: string;
  /** What the attacker tries, in one sentence. */
  tries: string;
  /** Why it ends as it does, in paragraphs. */
  why: string[];
  sources: Source[];
}

export const cases: Case[] = [
  {
    kind: 'copy',
    title: 'Copy',
    tries:
      'Sends copies of your packets from an address of its own, and they arrive before yours. Will the server send your call there?',
    why: [
      'The copies are genuine packets, so the server cannot tell them from a NAT that gave you another address. It asks: it sends eight unpredictable bytes to the new address, encrypted, and goes on sending your call to the old one.',
      'Only you can decrypt the challenge and answer it. The attacker cannot, and while the copies keep coming the server asks again, less and less often.',
      'RFC 9000 recommends to call a path failed after three times the larger of two probe timeouts, the present one and that of a new path (1.02 s, from the first round trip of 333 ms that RFC 9002 assumes). So does this server’s record, after about three seconds. quic-go 0.64 has no such timer: in it a late answer would still validate the path.',
      'RFC 9000 limits what may be sent to an address that is not validated to three times what came from there. quic-go 0.64 has no such limit for new paths: a packet with a challenge has at least 1200 bytes, and the first is longer than the packet that it answers. It sends challenges there and nothing else.',
    ],
    sources: [
      s9000('8.1', 'the limit of three'),
      s9000('8.2.1', 'initiating path validation: at least 1200 bytes'),
      s9000('8.2.4', 'failed path validation'),
      s9000('9.3.1', 'peer address spoofing'),
      s9000('9.3.2', 'on-path address spoofing'),
      s9000('21.5', 'request forgery'),
    ],
  },
  {
    kind: 'relay',
    title: 'Relay',
    tries:
      'Does the same, and passes on to you what the server sends to its address. Can it put itself in the way?',
    why: [
      'It can. The challenge reaches you, you answer, and the copy of your answer comes from the attacker’s address: validation proves that you can be reached there, and you can. To the server it looks like a NAT rebinding.',
      'What it gains is the place of any router on the way: it may delay or drop packets. It has no keys, so it can neither read nor change them, and it lasts only while its copies are faster than your own packets.',
      'RFC 9000 requires a server to challenge the path that it left as well, which gives your own packets more chances; quic-go 0.64 does not. Here the first of your own packets that is no duplicate makes the server challenge your address, and a round trip later the call is back.',
    ],
    sources: [
      s9000('9.3.3', 'off-path packet forwarding'),
      s9000('21.1.3.3', 'limited on-path attackers'),
      s9000('8.2.3', 'successful path validation'),
    ],
  },
  {
    kind: 'three',
    title: 'Three at once',
    tries:
      'Sends copies from three addresses, as many as this server validates at a time. Is there room for you when your own address changes?',
    why: [
      'quic-go 0.64 keeps track of three new paths at most and forgets one after five seconds of silence. It bounds what an attacker can make it send; and here it lets the attacker keep the places occupied. It lets every fourth of your packets arrive first, and still your new address is not challenged.',
      'So QUIC does not follow you. What helps is above it: the page hears nothing, opens another connection and shows its resume token. That is a resumption, not a connection migration.',
      'How many paths are validated at a time RFC 9000 leaves to the server.',
    ],
    sources: [
      s9000('9.3.3', 'off-path packet forwarding'),
      s9000('8.2.1', 'initiating path validation'),
      s9000('9.3', 'responding to connection migration'),
    ],
  },
];
