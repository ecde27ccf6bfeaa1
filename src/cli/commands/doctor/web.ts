/**
 * Sends the HTTP requests of checks to AWS and to the issuer. Uses the same proxies and certificate authorities as the
 * AWS clients.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createAwsAgents, type AwsEnv } from '../../../aws/agents.ts';
import { addressOf } from '../../../http/index.ts';

type WebResponse = {
  readonly status: number;
  /** Value of the `Date` header. */
  readonly date: string | undefined;
  readonly body: string;
};

const timeoutMs = 5000;
const mostRedirects = 5;

/**
 * Reads a URL and follows redirects.
 * @throws the errors of sockets, TLS and proxies, the signal's reason, or a TimeoutError after 5 seconds
 */
export async function readUrl(
  url: string,
  {
    method = 'GET',
    env,
    signal,
  }: { readonly method?: 'GET' | 'HEAD'; readonly env: AwsEnv; readonly signal: AbortSignal },
): Promise<WebResponse> {
  const { httpAgent, httpsAgent } = createAwsAgents(env);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    let at = new URL(url);
    for (let redirects = 0; ; redirects += 1) {
      const response = await send(at, method, at.protocol === 'https:' ? httpsAgent : httpAgent, limited);
      const { statusCode = 0, headers } = response;
      const body = await text(response);
      if (statusCode < 300 || statusCode > 399 || headers.location === undefined)
        return { status: statusCode, date: headers.date, body };
      if (redirects === mostRedirects) throw new Error(`${url} redirects more than ${mostRedirects} times`);
      at = new URL(headers.location, at);
    }
  } catch (error) {
    throw limited.aborted ? limited.reason : error;
  } finally {
    httpAgent.destroy();
    httpsAgent.destroy();
  }
}

function send(
  url: URL,
  method: string,
  agent: ReturnType<typeof createAwsAgents>['httpAgent'],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      agent,
      ...addressOf(url),
      protocol: url.protocol,
      method,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host },
      signal,
    });
    request.once('response', resolve);
    request.on('error', reject);
    request.end();
  });
}
