/** Where the browser begins. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import './frame/renewed.ts';
import './style/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/jobs.css';
import './style/list.css';
import './style/job.css';
import './style/text.css';
import './style/depth.css';
import './style/forms.css';
import './style/runs.css';
import './style/pages.css';
import './style/access.css';

const root = document.querySelector('#root');
if (root === null) throw new Error('the page has no root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
