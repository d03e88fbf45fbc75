// The switch of the lab: which emulated network carries this participant's QUIC packets, and how one takes over from the other.

import { type Signal, useComputed, useSignal } from '@preact/signals';
import { Fragment } from 'preact';
import { formatRate, formatShare } from '../ui/format.ts';
import { Icon } from '../ui/icons.tsx';
import { networkColours, networkIcon } from '../ui/networks.ts';
import { Segmented } from '../ui/segmented.tsx';
import { recall, remember } from '../ui/storage.ts';
import type { CallEngine, LinkInfo, LinkNetwork, SwitchStyle } from './types.ts';
import { networkNumbers, STYLES, styleOn, stylesOf } from './words.ts';

function rememberedStyle(): SwitchStyle {
  const style = recall('style');
  return STYLES.find((s) => s.style === style)?.style ?? 'hard';
}

/** How the next switch is done; the keys 1 and 2 use it too. */
export function useStyle(): Signal<SwitchStyle> {
  return useSignal(rememberedStyle());
}

export interface NetworksProps {
  engine: CallEngine;
  style: Signal<SwitchStyle>;
}

export function Networks({ engine, style }: NetworksProps) {
  const link = useComputed(() => engine.state.value.link);
  const connected = useComputed(() => ['connected', 'reconnecting'].includes(engine.state.value.phase));
  const problem = useComputed(() => engine.state.value.linkProblem);
  const info = link.value;
  if (!info && problem.value) return <NoNetworks why={problem.value} />;
  if (!info) return connected.value ? <RealSwitchHint /> : null;
  const chosen = styleOn(info, style.value);
  return (
    <section class="networks" aria-label="Network">
      <div class="network-row">
        <div class="network-buttons" role="group" aria-label={info.emulated ? 'Emulated network' : 'Network'}>
          {info.networks.map((n, i) => (
            <NetworkButton
              key={n.name}
              network={n}
              link={info}
              shortcut={i + 1}
              onPress={() => engine.switchNetwork(n.name, chosen)}
            />
          ))}
        </div>
        <div class="network-how">
          <Segmented
            label="How the network changes"
            class="styles"
            value={chosen}
            segments={stylesOf(info).map((s) => ({
              value: s.style,
              label: s.title,
              title: s.what,
              testid: `style-${s.style}`,
            }))}
            onSelect={(s) => {
              style.value = s;
              remember('style', s);
            }}
          />
          <p class="network-line">{STYLES.find((s) => s.style === chosen)?.what}</p>
        </div>
      </div>
    </section>
  );
}

interface NetworkButtonProps {
  network: LinkNetwork;
  link: LinkInfo;
  shortcut: number;
  onPress(): void;
}

function NetworkButton({ network: n, link, shortcut, onPress }: NetworkButtonProps) {
  const active = n.name === link.active;
  const { colour, soft } = networkColours(n.name);
  const walking = link.switching && link.style === 'walk';
  // While somebody walks, what the network does now matters more than what it does at rest.
  const fading = walking && active;
  return (
    <button
      type="button"
      class="network"
      data-testid={`network-${n.name}`}
      data-active={active}
      aria-pressed={active}
      style={{ '--net': colour, '--net-soft': soft }}
      title={active ? `${n.title} carries the call` : `Switch to ${n.title} (key ${shortcut})`}
      onClick={onPress}
    >
      <Icon name={networkIcon(n.name)} />
      <span class="network-words">
        <strong>
          {n.title}
          {link.emulated && <small>emulated</small>}
        </strong>
        <span class="network-numbers">
          {link.emulated && <span class="inline-emulated">emulated </span>}
          {(fading ? [`losing ${formatShare(n.loss_now)}`, formatRate(n.rate_now)] : networkNumbers(n)).map(
            (fact, i) => (
              <Fragment key={i}>
                {i > 0 && ' · '}
                <span>{fact}</span>
              </Fragment>
            ),
          )}
        </span>
      </span>
      {fading && (
        <progress
          class="network-walk"
          data-testid="walk-progress"
          max={1}
          value={link.progress}
          aria-label="Walk out of range"
        />
      )}
      {link.switching && !walking && active && <span class="spinner" aria-hidden="true" />}
    </button>
  );
}

function NoNetworks({ why }: { why: string }) {
  return (
    <section class="networks" aria-label="Network">
      <p class="network-line" role="status" data-testid="no-networks">
        <Icon name="warning" />
        <span>{why}</span>
      </p>
    </section>
  );
}

function RealSwitchHint() {
  return (
    <section class="networks" aria-label="Network">
      <p class="network-line">
        <Icon name="swap" />
        <span>
          To change network for real, turn Wi-Fi off on a phone with mobile data, or pull the cable of a
          laptop with Wi-Fi, and keep talking.
        </span>
      </p>
    </section>
  );
}
