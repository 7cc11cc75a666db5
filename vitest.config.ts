import { defineConfig } from 'vitest/config'

/** Tests that deploy the product: they share one cloud assembly, which takes seconds to make. */
const DEPLOYING = ['test/scenarios/**/*.test.ts', 'test/cli/*.test.ts', 'test/tidy/synthesis.test.ts']

const shared = {
  // Files of one worker share the modules that they import, which takes half the time: no test may depend on a module's state.
  isolate: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

export default defineConfig({
  test: {
    // Two cores, and each scenario file runs a whole account.
    maxWorkers: 2,
    projects: [
      { test: { name: 'units', include: ['test/**/*.test.ts'], exclude: DEPLOYING, ...shared } },
      { test: { name: 'deploying', include: DEPLOYING, globalSetup: ['test/assembly.ts'], ...shared } },
    ],
  },
})
