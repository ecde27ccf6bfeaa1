/** Configuration of the operator's image. The Dockerfile repeats these values, and a test compares both. */

export const imageSettings = {
  WorkingDir: '/app',
  /** Same user ID as in the chart. Kubernetes can verify `runAsNonRoot` only for a numeric user. */
  User: '65532:65532',
  /**
   * Settings of V8 and malloc that keep memory use low. They suit the operator, because the operator computes little.
   * docs/performance.md has the figures.
   */
  Env: ['NODE_ENV=production', 'MALLOC_ARENA_MAX=2'],
  Entrypoint: [
    '/nodejs/bin/node',
    '--max-semi-space-size=8',
    '--v8-pool-size=1',
    '--expose-gc',
    '/app/kon.js',
  ],
  Cmd: ['operator', '--health-address=:8080', '--log-format=json'],
} as const;
