// Ends a jest run with one line of counts, `N passed, N failed, N skipped`; a run in which no test ran is a failure.
import { writeSync } from 'node:fs';

export default class CountingReporter {
  #noTestRan = false;

  /** A test file that could not be loaded counts as one failed test. */
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    this.#noTestRan = results.numPassedTests + failed === 0;
    if (this.#noTestRan) process.stderr.write('no test ran\n');
    // jest's own summary and coverage table are printed by reporters that run after this one
    process.once('exit', () =>
      writeSync(1, `${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`),
    );
  }

  /** An error here makes jest end with a non-zero exit code. */
  getLastError() {
    return this.#noTestRan ? new Error('no test ran') : undefined;
  }
}
