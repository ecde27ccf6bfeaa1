import { loadSandbox } from './engine.ts';
import { defineCommand } from '../../framework/command.ts';

export const sandboxWebhookCommand = defineCommand({
  options: {
    port: { value: 'N', default: '0', parse: Number, summary: 'where to listen' },
    region: { value: 'REGION', default: 'us-west-2', summary: 'AWS region to set in pods (AWS_REGION)' },
    'associations-url': {
      value: 'URL',
      summary: 'URL that the webhook reads the Pod Identity associations from',
    },
    'tls-cert': { value: 'FILE', default: '', summary: 'PEM file with the certificate of the webhook' },
    'tls-key': { value: 'FILE', default: '', summary: 'PEM file with the key of the certificate' },
  },
  examples: {},
  run: async (context, { options }) => {
    const { runWebhook } = await (await loadSandbox()).loadWebhook();
    await runWebhook({
      port: options.port,
      region: options.region,
      associationsUrl: options.associationsUrl,
      certificateFile: options.tlsCert,
      keyFile: options.tlsKey,
      connection: await context.connection(),
      now: context.monotonic,
      random: context.random,
      signal: context.signal,
      log: (line) => context.stderr.write(`${line}\n`),
    });
  },
});
