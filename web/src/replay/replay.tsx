export function Replay({ sample }: { sample: boolean }) {
  return <main>{String(sample)}</main>;
}
