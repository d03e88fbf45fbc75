// The chat, beside the call where there is room and over it where there is not.

import { type Signal, useComputed, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Button, IconButton } from '../ui/button.tsx';
import { cleanText, type Group, grouped, type Line, textProblem } from './chat.ts';
import { linkify } from './linkify.ts';
import type { CallEngine } from './types.ts';
import './chat.css';

export interface ChatPanelProps {
  engine: CallEngine;
  /** What is being typed. It outlives the panel. */
  draft: Signal<string>;
  onClose(): void;
}

/** The list follows new messages while its end is as near as this, px. */
const NEAR = 48;

export function ChatPanel({ engine, draft, onClose }: ChatPanelProps) {
  const root = useRef<HTMLElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const behind = useSignal(false);
  const chat = useComputed(() => engine.state.value.chat);

  useEffect(() => {
    const panel = root.current;
    const opener = document.activeElement;
    // Not on a phone, whose keyboard would cover what there is to read.
    if (!matchMedia('(pointer: coarse)').matches) input.current?.focus();
    return () => {
      if (panel?.contains(document.activeElement) && opener instanceof HTMLElement) opener.focus();
    };
  }, []);

  const { written, writing } = chat.value;
  useLayoutEffect(() => {
    if (follows.current) toEnd(list.current);
    else behind.value = true;
  }, [written, writing, behind]);

  const write = (text: string, instead: string | null = null) => {
    follows.current = true;
    engine.write(text, instead);
  };
  const scrolled = () => {
    const e = list.current;
    follows.current = e === null || e.scrollHeight - e.scrollTop - e.clientHeight < NEAR;
    if (follows.current) behind.value = false;
  };

  const secret = useComputed(() => engine.state.value.key !== '');
  const groups = grouped(chat.value);
  return (
    <aside ref={root} class="call-chat" aria-label="Chat" data-testid="chat-panel">
      <header class="call-panel-head">
        <h2>Chat</h2>
        <IconButton icon="close" label="Close (Esc)" variant="ghost" onClick={onClose} />
      </header>
      <div class="chat-body">
        <div ref={list} class="chat-list" role="log" aria-live="polite" tabIndex={0} onScroll={scrolled}>
          {groups.length === 0 && (
            <p class="chat-empty">
              No messages yet. Everybody in the call reads what you write here; when the call ends it is gone.
            </p>
          )}
          {groups.map((g) => (
            <Messages
              key={g.key}
              group={g}
              secret={secret.value}
              onAgain={(line) => write(line.text, line.key)}
            />
          ))}
        </div>
        {behind.value && (
          <Button class="chat-newest" size="small" icon="chevron" onClick={() => toEnd(list.current)}>
            New messages
          </Button>
        )}
      </div>
      <Composer draft={draft} input={input} onWrite={write} onClose={onClose} />
    </aside>
  );
}

function toEnd(list: HTMLElement | null): void {
  list?.scrollTo({ top: list.scrollHeight });
}

function clock(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

interface MessagesProps {
  group: Group;
  /** The call is encrypted, so it is said of what is not. */
  secret: boolean;
  onAgain(line: Line): void;
}

function Messages({ group, secret, onAgain }: MessagesProps) {
  return (
    <div class={group.own ? 'chat-group own' : 'chat-group'}>
      <p class="chat-who">
        <strong>{group.name}</strong> <span>{clock(group.at)}</span>
      </p>
      {group.lines.map((line) => (
        <div key={line.key} class="chat-line">
          <p
            class={`chat-text ${line.state}`}
            dir="auto"
            title={clock(line.at)}
            data-testid="chat-message"
            data-own={group.own}
            data-state={line.state}
          >
            {linkify(line.text).map((piece, i) =>
              piece.href === undefined ? (
                piece.text
              ) : (
                <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer">
                  {piece.text}
                </a>
              ),
            )}
          </p>
          {secret && !line.encrypted && <small class="chat-state">Not encrypted</small>}
          {line.state === 'sending' && <small class="chat-state">Sending…</small>}
          {line.state === 'refused' && (
            <small class="chat-state refused">
              Not sent. {line.problem}
              <Button size="small" variant="outline" data-testid="chat-again" onClick={() => onAgain(line)}>
                Send again
              </Button>
            </small>
          )}
        </div>
      ))}
    </div>
  );
}

interface ComposerProps {
  draft: Signal<string>;
  input: RefObject<HTMLTextAreaElement | null>;
  onWrite(text: string): void;
  onClose(): void;
}

/** Rows that the field grows to. */
const MOST_ROWS = 6;

function Composer({ draft, input, onWrite, onClose }: ComposerProps) {
  const problem = textProblem(cleanText(draft.value));
  const send = () => {
    const text = cleanText(draft.peek());
    if (text === '' || textProblem(text) !== null) return;
    draft.value = '';
    onWrite(text);
    input.current?.focus(); // also after a press on the button, which has nothing to send any more
  };
  return (
    <form
      class="chat-form"
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      {problem !== null && (
        <p class="field-error" role="alert">
          {problem}
        </p>
      )}
      <textarea
        ref={input}
        class="input"
        data-testid="chat-input"
        aria-label="Message to everybody"
        placeholder="Message to everybody"
        aria-invalid={problem !== null}
        rows={Math.min(MOST_ROWS, draft.value.split('\n').length)}
        value={draft.value}
        onInput={(e) => {
          draft.value = e.currentTarget.value;
        }}
        onKeyDown={(e) => {
          if (e.isComposing) return; // the key belongs to the input method
          if (e.key === 'Escape') onClose(); // the keys of the call leave it alone while somebody types
          if (e.key !== 'Enter' || e.shiftKey) return;
          e.preventDefault();
          send();
        }}
      />
      <IconButton
        type="submit"
        icon="send"
        label="Send"
        variant="primary"
        data-testid="chat-send"
        disabled={problem !== null || cleanText(draft.value) === ''}
      />
    </form>
  );
}
