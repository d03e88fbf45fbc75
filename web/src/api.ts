// The server's HTTP API as the page uses it; errors become a Refusal with the server's own sentence.

export interface ServerConfig {
  version: string;
  webtransport_url: string; // https://HOST:PORT/wt
  certificate_hashes: { algorithm: 'sha-256'; value: string }[]; // hex; both during a change-over; empty where the browser trusts the certificate
  lab: boolean;
  max_participants: number;
  /** The browsers of others trust the server at its address: the companion's server, or else the host of this page. */
  certificate_public: boolean;
  /** Of a page that a companion serves: its server's address, https://HOST:PORT. */
  companion?: string;
  /** Of the same: why the server does not answer, and so the rest is what it said last. */
  unreachable?: string;
  /** https addresses under which phones on the same network reach this server. */
  lan_urls: string[];
  /** true where this page may see the dashboard of everybody without a key. */
  operator: boolean;
}

export interface CallInfo {
  room: string;
  participants: { id: string; name: string; test: boolean; presence: string }[];
  tracks: number;
}

/** What the server refused, in its own sentence. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message || `The server answered ${status}.`);
    this.status = status;
  }
}

/** Asks the API; `body` makes it a request with JSON. */
export async function api<T>(
  path: string,
  init: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const request: RequestInit = { method: init.method ?? 'GET', headers: { accept: 'application/json' } };
  if (init.body !== undefined) {
    request.body = JSON.stringify(init.body);
    request.headers = { ...request.headers, 'content-type': 'application/json' };
  }
  if (init.signal) request.signal = init.signal;
  const response = await fetch(path, request);
  if (!response.ok) {
    const text = await response.text();
    let message = text;
    try {
      message = (JSON.parse(text) as { error: string }).error;
    } catch {
      // not ours: a proxy's page, say
    }
    throw new Refusal(response.status, message);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}
