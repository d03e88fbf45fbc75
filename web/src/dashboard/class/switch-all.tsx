// Switches everybody, or one room, at once.

import { api } from '../../api.ts';
import type { SwitchStyle } from '../../call/types.ts';
import { Button } from '../../ui/button.tsx';
import { networkColours, networkIcon } from '../../ui/networks.ts';
import { Segmented } from '../../ui/segmented.tsx';
import { type Link, networkWords } from '../links.ts';
import { styles } from '../switch-styles.ts';

/** What became of the request, as PATCH /api/links answers. */
interface SwitchedLinks {
  switched: number;
  unchanged: number;
  without_link: number;
  failed: { link: string; participant: string; name: string; room: string; error: string }[];
}

/** Switches all links that carry somebody, or those of one room, and says in a sentence what became of it. Rejects with an Error for people. */
export async function switchAll(network: string, style: SwitchStyle, room: string): Promise<string> {
  const done = await api<SwitchedLinks>('/api/links', {
    method: 'PATCH',
    body: { network, style, ...(room && { room }) },
  });
  const said = [`${done.switched} switched`];
  if (done.unchanged > 0) said.push(`${done.unchanged} were there already`);
  if (done.without_link > 0) said.push(`${done.without_link} not on an emulated network`);
  const [first] = done.failed;
  if (first) said.push(`${done.failed.length} failed (${first.name}: ${first.error})`);
  return `${said.join(', ')}.`;
}

export interface SwitchCardProps {
  networks: Link['networks'];
  rooms: readonly string[];
  network: string;
  style: SwitchStyle;
  room: string; // '' is all
  /** How many it would switch. */
  count: number;
  onNetwork(network: string): void;
  onStyle(style: SwitchStyle): void;
  onRoom(room: string): void;
  onSwitch(): void;
}

export function SwitchCard(props: SwitchCardProps) {
  const { networks, rooms, network, style, room, count } = props;
  const chosen = networks.find((n) => n.name === network);
  if (!chosen)
    return (
      <section class="d-box" aria-labelledby="k-switch-title">
        <h2 id="k-switch-title">Switch</h2>
        <p class="d-muted">
          Nobody is connected over the lab’s emulated networks, so there is nothing to switch.
        </p>
      </section>
    );
  return (
    <section class="d-box k-switch" aria-labelledby="k-switch-title">
      <h2 id="k-switch-title">Switch</h2>
      <Segmented
        label="To which network"
        value={network}
        segments={networks.map((n) => ({
          value: n.name,
          label: n.title || n.name,
          icon: networkIcon(n.name),
          title: `${networkWords(n)}, emulated`,
          testid: `to-${n.name}`,
          colour: networkColours(n.name).soft,
          onColour: networkColours(n.name).colour,
        }))}
        onSelect={props.onNetwork}
      />
      <Segmented
        label="How"
        value={style}
        segments={styles.map((s) => ({ ...s, testid: `how-${s.value}` }))}
        onSelect={props.onStyle}
      />
      {rooms.length > 1 && (
        <select
          class="select"
          aria-label="Whom"
          data-testid="switch-room"
          value={room}
          onChange={(e) => props.onRoom(e.currentTarget.value)}
        >
          <option value="">All rooms</option>
          {rooms.map((r) => (
            <option key={r} value={r}>
              Room {r}
            </option>
          ))}
        </select>
      )}
      <Button
        variant="primary"
        size="large"
        data-testid="switch-all"
        disabled={count === 0}
        onClick={props.onSwitch}
      >
        {count === 1 ? 'Switch 1' : `Switch all ${count}`} to {chosen.title || chosen.name} <kbd>S</kbd>
      </Button>
      <p class="field-hint">
        {networkWords(chosen)}; emulated. {styles.find((s) => s.value === style)?.title}.
      </p>
    </section>
  );
}
