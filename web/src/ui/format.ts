// Numbers in words, with their units, the same on every screen.

/** Milliseconds: "12 ms", "1.2 s". */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (Math.abs(ms) < 10 && ms !== Math.round(ms)) return `${ms.toFixed(1)} ms`;
  if (Math.abs(ms) < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Seconds with one decimal: "0.0 s". */
export function formatSeconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : '–';
}

/** Bits per second: "640 kbit/s", "12 Mbit/s"; 0 of a limit is up to the caller. */
export function formatRate(bps: number): string {
  if (!Number.isFinite(bps)) return '–';
  if (bps < 1000) return `${Math.round(bps)} bit/s`;
  if (bps < 1e6) return `${Math.round(bps / 1000)} kbit/s`;
  const m = bps / 1e6;
  return `${m < 10 && Math.abs(m - Math.round(m)) > 0.04 ? m.toFixed(1) : Math.round(m)} Mbit/s`;
}

/** A share 0..1: "0 %", "0.1 %", "12 %". */
export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return '–';
  const percent = share * 100;
  if (percent === 0) return '0 %';
  return percent < 1 ? `${Math.max(0.1, percent).toFixed(1)} %` : `${Math.round(percent)} %`;
}

/** Bytes: "1.2 MB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1000).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
