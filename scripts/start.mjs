// `npm start`: builds if the build is missing or stale, then becomes the application: no second process to stop.
import { buildIfStale, reportBuildError } from './lib/build.mjs';

await buildIfStale().then(run, reportBuildError);

async function run() {
  process.setSourceMapsEnabled(true);
  await import('../dist/main.js');
}
