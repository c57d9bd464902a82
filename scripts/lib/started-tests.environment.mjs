// A jest environment that notes which tests really began: a test whose `beforeAll` failed is reported as failed, but never ran.
// With STOP_AT_FAILURE it leaves out what comes after the first test that failed.
import { appendFileSync } from 'node:fs';
import { TestEnvironment } from 'jest-environment-node';

export default class StartedTestsEnvironment extends TestEnvironment {
  #hasFailed = false;

  handleTestEvent(event) {
    if (event.name === 'test_fn_failure') this.#hasFailed = true;
    else if (event.name === 'test_fn_start') note(event.test);
    else if (this.#hasFailed && process.env.STOP_AT_FAILURE === 'true') skip(event);
  }
}

function note(test) {
  if (test.errors.length > 0) return;
  const titles = [];
  for (let node = test; node.parent; node = node.parent) titles.unshift(node.name);
  appendFileSync(process.env.STARTED_TESTS, `${titles.join(' ')}\n`);
}

function skip({ name, test, describeBlock }) {
  if (name === 'test_start') test.mode = 'skip';
  else if (name === 'run_describe_start') describeBlock.mode = 'skip';
}
