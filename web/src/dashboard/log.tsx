// The event log, newest first, each event with its meaning.

import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { PathEventData, PathEventType } from '../protocol/messages.gen.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { Chip, NetworkChip } from '../ui/chip.tsx';
import { recall, remember } from '../ui/storage.ts';
import { copyText } from './copy.ts';
import { type EventType, explain, sourceText, sourceURL, typeWords } from './explain.ts';
import { type Filter, filtered } from './filter.ts';
import { shorten } from './ids.ts';
import { glyphOf } from './layout.ts';
import type { State } from './store.ts';
import { clockText, msText, parseTime } from './time.ts';
import { VerdictChip } from './verdict.tsx';

const most = 200; // rows

export interface LogProps {
  state: State;
  /** The connection that "This connection" means; '' shows all without a choice. */
  connection: string;
  narrow?: boolean;
  /** Only that connection, without a choice. */
  own?: boolean;
  title: (network: string) => string;
  onShow?: (event: PathEventData) => void;
}

export function EventLog({ state, connection, narrow, own, title, onShow }: LogProps) {
  const only = useSignal(false);
  const type = useSignal<Filter['type']>('all');
  const text = useSignal('');
  const words = useSignal(recall('explain') !== 'off');
  const frozen = useSignal<PathEventData[] | null>(null);
  const open = useSignal<number | null>(null);

  const filter: Filter = {
    type: type.value,
    text: text.value,
    connection: own || only.value ? connection : '',
  };
  // Samples change the state five times a second and the log not at all.
  const live = useMemo(
    () => filtered(state, filter, most),
    [state.taken, filter.type, filter.text, filter.connection],
  );
  const events = frozen.value ?? live;
  const held = new Set(frozen.value);
  const waiting = frozen.value ? live.filter((e) => !held.has(e)).length : 0;
  const several = !own && !only.value && state.connections.size > 1;

  return (
    <section class={`d-log${narrow ? ' narrow' : ''}`} aria-label="Events">
      <header>
        <h3>Events</h3>
        {!own && (
          <select
            class="d-select"
            aria-label="Whose events"
            value={only.value ? 'this' : 'all'}
            onChange={(e) => (only.value = e.currentTarget.value === 'this')}
          >
            <option value="all">All connections</option>
            <option value="this">This connection</option>
          </select>
        )}
        <select
          class="d-select"
          aria-label="Type of event"
          value={type.value}
          onChange={(e) => (type.value = e.currentTarget.value as Filter['type'])}
        >
          <option value="all">All types</option>
          <option value="path">Paths only</option>
          {(Object.keys(typeWords) as EventType[]).map((t) => (
            <option key={t} value={t}>
              {typeWords[t]}
            </option>
          ))}
        </select>
        <input
          class="d-input"
          type="search"
          placeholder="Filter"
          aria-label="Filter events by text"
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
        <span class="d-grow" />
        <Button
          size="small"
          variant="ghost"
          aria-pressed={words.value}
          title="Show what each event means"
          onClick={() => {
            words.value = !words.value;
            remember('explain', words.value ? 'on' : 'off');
          }}
        >
          Explain
        </Button>
        <IconButton
          size="small"
          icon={frozen.value ? 'play' : 'pause'}
          label={frozen.value ? 'Resume the log' : 'Pause the log'}
          onClick={() => (frozen.value = frozen.value ? null : live)}
        />
        <IconButton
          size="small"
          icon="copy"
          label="Copy these events as JSON"
          onClick={() => copyText(JSON.stringify(events, null, 2), `${events.length} events`)}
        />
      </header>
      {frozen.value && (
        <p class="d-log-paused">
          Paused. {waiting} new {waiting === 1 ? 'event' : 'events'}.
        </p>
      )}
      <ol data-testid="event-log" tabIndex={0} aria-label="Events, newest first">
        {events.map((event) => (
          <Row
            key={`${event.connection} ${event.id}`}
            event={event}
            several={several}
            words={words.value || open.value === event.id}
            title={title}
            onToggle={() => (open.value = open.value === event.id ? null : event.id)}
            {...(onShow && { onShow })}
          />
        ))}
        {events.length === 0 && (
          <li class="d-muted d-log-none">
            {text.value || type.value !== 'all' ? 'No event matches.' : 'No events yet.'}
          </li>
        )}
      </ol>
    </section>
  );
}

interface RowProps {
  event: PathEventData;
  several: boolean;
  words: boolean;
  title: (network: string) => string;
  onToggle: () => void;
  onShow?: (event: PathEventData) => void;
}

function Row({ event, several, words, title, onToggle, onShow }: RowProps) {
  const e = explain(event);
  return (
    <li
      class={`d-event t-${glyphOf(event.type)}`}
      data-testid="event"
      data-type={event.type}
      data-id={event.id}
      data-connection={event.connection}
      data-challenge={event.challenge}
      data-path={event.path}
      data-verdict={event.verdict}
    >
      <GlyphIcon type={event.type} />
      <div class="d-event-body">
        <div class="d-event-line">
          <time dateTime={event.time} class="d-mono">
            {clockText(parseTime(event.time))}
          </time>
          {several && event.connection && (
            <b class="d-event-who">{event.name || event.connection.slice(0, 8)}</b>
          )}
          <button type="button" class="d-event-title" aria-expanded={words} onClick={onToggle}>
            {e.title}
          </button>
        </div>
        <div class="d-event-facts">
          {event.network && <NetworkChip network={event.network} title={title(event.network)} />}
          {event.challenge && (
            <Chip
              class="d-mono"
              data-hint="The eight bytes of the challenge: the response must bring the same ones back."
            >
              {event.challenge}
            </Chip>
          )}
          {event.response_ms ? <Chip>{msText(event.response_ms)}</Chip> : null}
          {event.type === 'path_switched' && event.connection_id && (
            <Chip
              class="d-mono"
              data-hint="The destination connection ID of the client’s packets on the new path."
            >
              ID {event.connection_id.sequence}: {shorten(event.connection_id.id, 12)}
            </Chip>
          )}
          {event.verdict && event.type !== 'handover_report' && <VerdictChip verdict={event.verdict} />}
        </div>
        {words && e.meaning && (
          <p class="d-event-meaning">
            {e.meaning}{' '}
            {e.sources.map((s) => (
              <a key={s.section} href={sourceURL(s)} target="_blank" rel="noreferrer" title={s.about}>
                {sourceText(s)}
              </a>
            ))}
          </p>
        )}
      </div>
      <div class="d-event-tools">
        {onShow && (
          <IconButton
            size="small"
            variant="ghost"
            icon="search"
            label="Show on the timeline"
            onClick={() => onShow(event)}
          />
        )}
        <IconButton
          size="small"
          variant="ghost"
          icon="copy"
          label="Copy as JSON"
          onClick={() => copyText(JSON.stringify(event, null, 2), 'Event')}
        />
      </div>
    </li>
  );
}

/** The timeline's shapes again, so that a row and its mark are recognised as one. */
export function GlyphIcon({ type }: { type: PathEventType }) {
  const kind = glyphOf(type);
  const shape = {
    challenge: <circle cx="9" cy="9" r="5.5" class="ring" />,
    response: (
      <>
        <circle cx="9" cy="9" r="5.5" class="ring" />
        <circle cx="9" cy="9" r="2.3" class="fill" />
      </>
    ),
    validated: (
      <>
        <circle cx="9" cy="9" r="6.5" class="fill" />
        <path d="M6 9.300l2.200 2.200 4-4.500" class="tick" />
      </>
    ),
    switched: <path d="M4 2.500l11.500 6.500L4 15.500z" class="fill" />,
    resumed: <path d="M4 2.500l11.500 6.500L4 15.500z" class="fill" />,
    started: <path d="M4 2.500l11.500 6.500L4 15.500z" class="fill" />,
    failed: <path d="M4 4l10 10M14 4L4 14" class="ring" />,
    closed: <path d="M4 4l10 10M14 4L4 14" class="ring" />,
    issued: <rect x="4" y="4" width="10" height="10" class="ring" />,
    used: <rect x="3" y="3" width="12" height="12" class="fill" />,
    retired: <path d="M4 4h10v10H4zM4 4l10 10" class="ring" />,
    report: <path d="M4 3h10v12H4zM6.500 7h5M6.500 10h5" class="ring" />,
    mark: <path d="M5 2v14.500M5 3l9 3.500-9 3.500z" class="ring" />,
  }[kind];
  return (
    <svg class={`d-glyph g-${kind}`} viewBox="0 0 18 18" aria-hidden="true">
      {shape}
    </svg>
  );
}
