// The page's start: one engine, the theme, the router, the screens.

import { render } from 'preact';
import { App } from './app.tsx';
import { createCallEngine } from './call/engine.ts';
import { startRouter } from './router.ts';
import { startTheme } from './ui/theme.ts';
import './ui/tokens.css';
import './ui/ui.css';
import './ui/controls.css';
import './ui/layers.css';
import './lobby/lobby.css';
import './call/call.css';
import './call/stage.css';
import './call/foot.css';
import './call/gestures.css';
import './call/narrow.css';
import './call/ended.css';

startTheme();
startRouter();
const engine = createCallEngine();
const root = document.getElementById('app');
if (root) render(<App engine={engine} />, root);
