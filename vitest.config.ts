import { defineConfig } from 'vitest/config'

/** Tests that deploy the product: they share one cloud assembly, which takes seconds to make. */
const DEPLOYING = ['test/scenarios/**/*.test.ts', 'test/cli/*.test.ts', 'test/tidy/synthesis.test.ts']

const shared = {
  // Files of one worker share the modules that they import, which takes half the time: no test may depend on a module's state.
  isolate: false,
  // Nothing waits for real time: a limit is there for what hangs, and not for a machine that is slow or busy.
  testTimeout: 180_000,
  hookTimeout: 180_000,
}

/**
 * A deployment is dozens of short-lived Lambda functions, each with a heap of its own: compiling their code for speed, and marking
 * their garbage in other threads, takes a quarter of the processor time that the tests take.
 */
const SHORT_LIVED = ['--no-opt', '--single-threaded-gc', '--no-flush-bytecode']

export default defineConfig({
  test: {
    // Two cores, and each scenario file runs a whole account.
    maxWorkers: 2,
    projects: [
      { test: { name: 'units', include: ['test/**/*.test.ts'], exclude: DEPLOYING, ...shared } },
      {
        test: {
          name: 'deploying',
          include: DEPLOYING,
          globalSetup: ['test/assembly.ts'],
          execArgv: SHORT_LIVED,
          ...shared,
        },
      },
    ],
  },
})
