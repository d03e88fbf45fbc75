// Whether the network of this page's own call can be switched, and if not, why: in words for the learner.

import type { CallState, LinkInfo, LinkNetwork, SwitchStyle } from '../../call/types.ts';

/** '' if it can. */
export function whyNot(
  state: Pick<CallState, 'phase' | 'transport' | 'link' | 'linkProblem'>,
  style: SwitchStyle,
): string {
  const { phase, transport, link, linkProblem } = state;
  if (phase === 'failed' || phase === 'left') return 'There is no call, so there is no network to switch.';
  if (phase === 'idle' || phase === 'connecting') return 'The call is being set up…';
  if (transport === 'websocket')
    return 'Your call goes over TCP, because UDP does not pass here or this browser has no WebTransport. The emulated networks carry QUIC only, so nothing can be switched; you can follow the lesson on somebody else’s screen.';
  if (linkProblem) return linkProblem;
  if (!link)
    return 'This server runs without emulated networks (--no-lab). To change network for real, turn Wi-Fi off on a phone with mobile data, or pull the cable of a laptop with Wi-Fi.';
  if (!other(link)) return 'There is only one network, so there is none to switch to.';
  if (style === 'walk' && !link.emulated)
    return 'These networks are real: walk away from the Wi-Fi, it does not fade at the press of a button.';
  return '';
}

/** The network that the call runs over, and the one that it is switched to next. */
export function active(link: LinkInfo): LinkNetwork | undefined {
  return link.networks.find((n) => n.name === link.active);
}

export function other(link: LinkInfo): LinkNetwork | undefined {
  const at = link.networks.findIndex((n) => n.name === link.active);
  const next = link.networks[(at + 1) % link.networks.length];
  return next?.name === link.active ? undefined : next;
}
