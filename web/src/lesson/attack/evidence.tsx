// What was counted at the attacker's addresses, beside what the server says that it sent there.

import { clockText, msText } from '../../dashboard/time.ts';
import type { AttackKind, ConnectionIDInfo } from '../../protocol/messages.gen.ts';
import { formatBytes } from '../../ui/format.ts';
import { type AddressFacts, type Facts, totalsOf } from './facts.ts';
import { Packet, partsOf } from './hex.tsx';

export interface EvidenceProps {
  kind: AttackKind;
  running: boolean;
  facts: Facts;
  ids: readonly ConnectionIDInfo[];
}

export function Evidence({ kind, running, facts, ids }: EvidenceProps) {
  const t = totalsOf(facts);
  const newest = (of: (a: AddressFacts) => string | undefined) => facts.addresses.map(of).find(Boolean);
  const up = newest((a) => a.attacker.sent.newest);
  const down = newest((a) => a.attacker.received.newest);
  const validated = facts.addresses.some((a) => a.answeredMs !== null);
  return (
    <section
      class="at-evidence"
      aria-label="Evidence"
      data-testid="attack-evidence"
      data-kind={kind}
      data-running={running}
      data-addresses={facts.addresses.map((a) => a.attacker.address).join(' ')}
      data-sent-packets={t.sentPackets}
      data-sent-bytes={t.sentBytes}
      data-received-packets={t.receivedPackets}
      data-received-bytes={t.receivedBytes}
      data-padded={t.padded}
      data-challenges={t.challenges}
      data-answers={t.answers}
      data-others={t.others}
      data-failed-ms={facts.addresses.find((a) => a.failedMs !== null)?.failedMs ?? ''}
    >
      <div class="card at-proof">
        <h2>{validated ? 'The proof: you gave it' : 'The proof that it cannot give'}</h2>
        <ol class="at-steps">
          {facts.addresses.map((a) => (
            <Steps key={a.attacker.address} address={a} several={facts.addresses.length > 1} />
          ))}
        </ol>
      </div>
      <div class="card at-counts">
        <h2>Counted at its {facts.addresses.length > 1 ? 'addresses' : 'address'}</h2>
        <div class="at-scroll" tabIndex={0} role="group" aria-label="Counted bytes">
          <table>
            <thead>
              <tr>
                <th scope="col">It sent to the server</th>
                <th scope="col">The server sent to it</th>
                <th scope="col">Ratio</th>
                <th scope="col">Not a challenge</th>
              </tr>
            </thead>
            {facts.addresses.map((a) => (
              <Rows key={a.attacker.address} address={a} />
            ))}
          </table>
        </div>
        {validated ? (
          <p>
            The path is validated, so the call goes there: {t.receivedPackets} packets, of which{' '}
            {t.challenges} {t.challenges === 1 ? 'was a challenge' : 'were challenges'}. What is left is your
            call.
          </p>
        ) : (
          <>
            <p>
              How we know: {t.others === 0 ? 'all' : `${t.padded} of`} {t.receivedPackets} packets that came
              to the attacker have exactly 1200 bytes, which is the least that one with a PATH_CHALLENGE may
              have (RFC 9000 §8.2.1) and what quic-go makes of it, and the server’s own log has {t.challenges}{' '}
              PATH_CHALLENGE to {facts.addresses.length > 1 ? 'these addresses' : 'this address'}.{' '}
              {t.padded === t.challenges && t.others === 0
                ? 'Nothing is left that could be media.'
                : 'The two are compared as they come in.'}
            </p>
            <p class="at-muted">
              <a href="https://www.rfc-editor.org/rfc/rfc9000#section-8.1" target="_blank" rel="noreferrer">
                RFC 9000 §8.1
              </a>{' '}
              allows three times what came from an address that is not validated. quic-go 0.64 does not count
              on new paths: its first challenge may be longer than that, and the ratio falls with every copy.
            </p>
          </>
        )}
      </div>
      <div class="card at-sees">
        <h2>What the attacker sees</h2>
        <Packet title="You to the server, newest" parts={up ? partsOf(up, ids, 'server') : null} />
        <Packet title="Server to you, newest" parts={down ? partsOf(down, ids, 'client') : null} />
        <p class="at-key">
          <span class="at-clear">first byte, five bits masked</span>
          <span class="at-id">connection ID</span>
          <span class="at-cipher">ciphertext</span>
        </p>
        <p class="at-muted">
          The first 64 bytes as they were captured. Sound, picture and even the packet number are encrypted (
          <a href="https://www.rfc-editor.org/rfc/rfc9001#section-5" target="_blank" rel="noreferrer">
            RFC 9001 §5
          </a>
          ). It does learn addresses, sizes and times.
        </p>
      </div>
    </section>
  );
}

function Steps({ address, several }: { address: AddressFacts; several: boolean }) {
  const { attacker, challenges, challengedAt, answers, answeredMs, failedMs } = address;
  return (
    <li>
      <b class="at-mono">{attacker.address}</b>
      <ul>
        <li class={challengedAt === null ? 'wait' : 'done'}>
          {challengedAt === null ? (
            'no challenge yet'
          ) : (
            <>
              PATH_CHALLENGE sent at <span class="at-mono">{clockText(challengedAt)}</span>
              {challenges > 1 && `, ${challenges} by now`}
            </>
          )}
        </li>
        {challengedAt !== null && (
          <li class={answers > 0 ? 'bad' : 'wait'}>
            {answers > 0
              ? `PATH_RESPONSE after ${msText(answeredMs ?? Number.NaN)}: yours, passed on`
              : several
                ? 'nothing came back'
                : 'nothing came back: the attacker cannot decrypt the eight bytes'}
          </li>
        )}
        {failedMs !== null && (
          <li class="good" data-testid="attack-failed">
            validation failed after {msText(failedMs)}: three times the larger of the present PTO and that of
            a new path (RFC 9000 §8.2.4)
          </li>
        )}
      </ul>
    </li>
  );
}

function Rows({ address }: { address: AddressFacts }) {
  const { attacker, others } = address;
  const { sent, received } = attacker;
  const ratio = sent.bytes > 0 ? received.bytes / sent.bytes : Number.NaN;
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={4} class="at-mono">
          {attacker.address}
        </th>
      </tr>
      <tr>
        <td>
          <b>{formatBytes(sent.bytes)}</b> <small>{sent.packets} copies</small>
        </td>
        <td>
          <b>{formatBytes(received.bytes)}</b>{' '}
          <small>
            {received.packets} packets, {received.padded} of 1200 B
          </small>
        </td>
        <td>
          <b>{ratioText(ratio)}</b>{' '}
          {attacker.max_ratio > 0 && <small>at most {ratioText(attacker.max_ratio)}</small>}
        </td>
        <td class={others === 0 ? 'good' : 'bad'}>
          <b>{others}</b> <small>{others === 0 ? 'no media' : 'packets'}</small>
        </td>
      </tr>
    </tbody>
  );
}

function ratioText(ratio: number): string {
  if (!Number.isFinite(ratio)) return '–';
  return ratio >= 10 ? ratio.toFixed(0) : ratio >= 0.1 ? ratio.toFixed(1) : ratio.toFixed(3);
}
