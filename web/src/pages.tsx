// The screens beside the call: which is shown, by the address. They are loaded when they are first looked at, and so is this list of them, since the names of
// all their files would else be part of what every call loads.

import type { CallEngine } from './call/types.ts';
import type { NewEngine } from './lesson/compare/audience.ts';
import type { Route } from './router.ts';
import { lazy } from './ui/lazy.tsx';

const Dashboard = lazy(async () => (await import('./dashboard/dashboard.tsx')).Dashboard);
const Report = lazy(async () => (await import('./dashboard/report-page.tsx')).ReportPage);
const Replay = lazy(async () => (await import('./replay/replay.tsx')).Replay);
const Lesson = lazy(async () => (await import('./lesson/lesson.tsx')).Lesson);
const Compare = lazy(async () => (await import('./lesson/compare/compare.tsx')).Compare);
const Attack = lazy(async () => (await import('./lesson/attack/attack.tsx')).Attack);

export interface PagesProps {
  at: Route;
  engine: CallEngine;
  /** Makes further ones. */
  newEngine: NewEngine;
}

export function Pages({ at, engine, newEngine }: PagesProps) {
  switch (at.page) {
    case 'dashboard':
      return <Dashboard />;
    case 'report':
      return <Report connection={at.connection} />;
    case 'replay':
      return <Replay sample={at.sample} />;
    case 'lesson':
      return <Lesson engine={engine} />;
    case 'compare':
      return <Compare newEngine={newEngine} />;
    case 'attack':
      return <Attack engine={engine} />;
  }
  return null;
}
