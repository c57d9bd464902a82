// `npm run build`: builds whatever stands in `dist` already.
import { build, reportBuildError } from './lib/build.mjs';

await build().catch(reportBuildError);
