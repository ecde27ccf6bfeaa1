/**
 * Reporter for vitest that writes the number of passed tests and the text of every failure to the file named by
 * KONSTELLATION_TEST_REPORT. Failures are failed tests, failed files and hooks, and errors outside tests. The JSON
 * report of vitest lacks failed files and hooks, and errors outside tests.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export type TestReport = {
  readonly passed: number;
  /** The path and the title, followed by the lines of the error. */
  readonly failures: readonly string[];
};

type ReportedError = { readonly message: string; readonly stack?: string | undefined };

export default class FailureReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly ReportedError[]): void {
    let passed = 0;
    const failures: string[] = [];
    const fail = (title: string, errors: readonly ReportedError[]): void => {
      failures.push([title, ...errors.map(({ message, stack }) => stack ?? message)].join('\n'));
    };
    for (const module of modules) {
      if (module.errors().length > 0) fail(module.relativeModuleId, module.errors());
      for (const suite of module.children.allSuites())
        if (suite.errors().length > 0) fail(`${module.relativeModuleId} > ${suite.fullName}`, suite.errors());
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed += 1;
        if (result.state === 'failed') fail(`${module.relativeModuleId} > ${test.fullName}`, result.errors);
      }
    }
    if (unhandledErrors.length > 0) fail('an error outside of the tests', unhandledErrors);
    const report: TestReport = { passed, failures };
    const file = process.env['KONSTELLATION_TEST_REPORT'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(report));
  }
}
