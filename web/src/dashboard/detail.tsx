// Everything about one connection: on the dashboard the selected one, beside the call one's own.

import { useComputed } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { LinkInfo } from '../call/types.ts';
import type { PathEventData } from '../protocol/messages.gen.ts';
import { announce } from '../ui/toast.tsx';
import { Charts } from './charts.tsx';
import { ConnectionIDs } from './chips.tsx';
import type { TimeControl } from './controller.ts';
import { networkTitle } from './links.ts';
import { news } from './news.ts';
import { PathPicture } from './picture.tsx';
import { Report } from './report.tsx';
import { type Connection, lineage, type State } from './store.ts';
import { agoText, parseTime } from './time.ts';
import { Timeline } from './timeline.tsx';

export interface PartProps {
  state: State;
  connection: Connection;
  link: LinkInfo | undefined;
  control: TimeControl;
  now: () => number;
}

/** The sentence about what just happened. It is also said to screen readers, once the change is over. */
export function NewsLine({ state, connection, link, now, you }: PartProps & { you: string }) {
  const title = (network: string) => networkTitle(network, link);
  const events = useEvents(state, connection);
  const said = useMemo(() => news(events, title, you), [events, you, link?.id]);
  const spoken = useRef('');
  useEffect(() => {
    if (!said || said.tone === 'calm' || said.tone === 'now') return;
    if (spoken.current !== said.text && now() - said.time < 5000) announce(said.text);
    spoken.current = said.text;
  }, [said?.text]);
  if (!said) return null;
  return (
    <p class={`d-news ${said.tone}`} data-testid="news">
      <span>{said.text}</span> <time class="d-muted">{agoText(now() - said.time)}</time>
    </p>
  );
}

/** The events of a participant's connections in order; the same array until something happens. */
function useEvents(state: State, connection: Connection): readonly PathEventData[] {
  const chain = lineage(state, connection);
  return useMemo(
    () =>
      chain.length === 1
        ? (chain[0]?.events ?? [])
        : chain
            // That the older one ended is part of its being taken over.
            .flatMap((c) =>
              c === connection ? c.events : c.events.filter((e) => e.type !== 'connection_closed'),
            )
            .toSorted((a, b) => a.id - b.id),
    [chain.map((c) => `${c.id}:${c.events.at(-1)?.id}:${c.events.length}`).join()],
  );
}

export function PictureSection({ connection, link, now, narrow }: PartProps & { narrow?: boolean }) {
  return <PathPicture connection={connection} link={link} now={now} narrow={narrow ?? false} />;
}

export function IDsSection({ connection }: { connection: Connection }) {
  return (
    <section class="d-box" aria-label="Connection IDs">
      <h3
        tabIndex={0}
        data-hint="A connection ID names the connection instead of the addresses, so that packets find it when an address changes (RFC 9000 §5.1). Each side issues IDs that the other writes on its packets."
      >
        Connection IDs
      </h3>
      <ConnectionIDs snapshot={connection.snapshot} />
    </section>
  );
}

/** `printable`: for who may open the page of it, which is the operator. */
export function ReportSection({ state, connection, link, printable }: PartProps & { printable?: boolean }) {
  const { snapshot } = connection;
  const report = snapshot.report;
  if (!report) {
    return (
      <section class="d-box d-empty">
        <h3>Handover report</h3>
        <p class="d-muted">
          After each change of network this says what it cost: the longest gap in the pictures and the sound
          that had to be made up, in both directions.
        </p>
      </section>
    );
  }
  const nameOf = (participant: string) => {
    for (const other of state.connections.values()) {
      if (other.snapshot.participant === participant) return other.snapshot.name || participant;
    }
    return participant;
  };
  return (
    <Report
      key={report.switched}
      report={report}
      name={snapshot.name || 'this participant'}
      title={(network) => networkTitle(network, link)}
      nameOf={nameOf}
      {...(printable && { page: `/report/${snapshot.id}` })}
    />
  );
}

export interface TimeSectionProps extends PartProps {
  narrow: boolean;
  big: boolean;
  charts: boolean;
  maxPaths: number;
  onSelect?: (eventID: number) => void;
}

export function TimeSection({
  state,
  connection,
  link,
  control,
  narrow,
  big,
  charts,
  maxPaths,
  onSelect,
}: TimeSectionProps) {
  const font = big ? 16 : narrow ? 12 : 13;
  const gutter = narrow ? (charts ? 40 : 0) : big ? 200 : 168;
  const chain = lineage(state, connection);
  return (
    <div class="d-time">
      <Timeline
        connections={chain}
        marks={state.marks}
        control={control}
        title={(network) => networkTitle(network, link)}
        narrow={narrow}
        gutter={gutter}
        font={font}
        maxPaths={maxPaths}
        {...(onSelect && { onSelect })}
      />
      {charts && (
        <Charts connections={chain} control={control} gutter={gutter} font={font} height={big ? 116 : 92} />
      )}
    </div>
  );
}

/** Space pauses wherever the focus is, unless it presses or types something. */
export function useSpace(control: TimeControl, active = true): void {
  useEffect(() => {
    if (!active) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== ' ' || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
        return;
      const target = event.target as Element | null;
      if (target?.closest('input, textarea, select, button, a, summary, [contenteditable], [role="button"]'))
        return;
      event.preventDefault();
      control.togglePause();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [control, active]);
}

/** Brings an event into the window of time, near enough to see what is around it. */
export function showEvent(control: TimeControl, event: PathEventData): void {
  const at = parseTime(event.time);
  const { span } = control.window.peek();
  if (span > 2000) control.show(at - 300, at + 300);
  else control.reveal(at);
}

/** The state that a component reads through one signal, so that it is redrawn at most once per batch. */
export function useState$<T>(read: () => T): T {
  return useComputed(read).value;
}
