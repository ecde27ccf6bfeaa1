/** Small HTTP requests between the sandbox's own processes, without proxies, redirects or external dependencies. */
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { type Agent, request as requestHttps, type RequestOptions } from 'node:https';

export type LoopbackResponse = { readonly status: number; readonly body: string };

export type LoopbackRequest = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  /** PEM of the certificate authority that verifies an https server. */
  readonly ca?: string;
  readonly signal?: AbortSignal | undefined;
};

export function loopbackRequest(url: string, options: LoopbackRequest = {}): Promise<LoopbackResponse> {
  const { method = 'GET', headers = {}, agent, ca, signal } = options;
  const settings: RequestOptions = {
    method,
    headers,
    ...(agent ? { agent } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(signal ? { signal } : {}),
  };
  return new Promise((resolve, reject) => {
    const receive = (response: IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    };
    const sent = url.startsWith('https:')
      ? requestHttps(url, settings, receive)
      : requestHttp(url, settings, receive);
    sent.on('error', reject);
    sent.end();
  });
}
