// A jest environment that notes which tests really began: a test whose `beforeAll` failed is reported as failed, but never ran.
import { appendFileSync } from 'node:fs';
import { TestEnvironment } from 'jest-environment-node';

export default class StartedTestsEnvironment extends TestEnvironment {
  handleTestEvent(event) {
    if (event.name !== 'test_fn_start' || event.test.errors.length > 0) return;
    const titles = [];
    for (let node = event.test; node.parent; node = node.parent) titles.unshift(node.name);
    appendFileSync(process.env.STARTED_TESTS, `${titles.join(' ')}\n`);
  }
}
