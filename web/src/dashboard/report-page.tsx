export function ReportPage({ connection }: { connection: string }) {
  return <main>{connection}</main>;
}
