/** Small components that all screens share. */
import { Fragment, useEffect, useState, type ReactNode } from 'react';
import { ApiError } from '../api.ts';
import { followLink } from '../router.ts';

export type Tone = 'good' | 'wait' | 'bad' | 'unknown';

const symbols: Readonly<Record<Tone, string>> = { good: '✓', wait: '◷', bad: '✕', unknown: '?' };

/** Shows a state as colour, symbol and words, so that users can read the state without colours. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return (
    <span className={`badge ${tone}`}>
      <span aria-hidden="true">{symbols[tone]}</span> {children}
    </span>
  );
}

export function Link(props: {
  readonly href: string;
  readonly className?: string;
  readonly children: ReactNode;
  readonly current?: boolean;
}): ReactNode {
  return (
    <a
      href={props.href}
      className={props.className}
      onClick={followLink}
      aria-current={props.current ? 'page' : undefined}
    >
      {props.children}
    </a>
  );
}

/** A button that copies a text, and then shows a confirmation until the text changes. */
export function CopyButton(props: {
  readonly text: string;
  readonly title: string;
  readonly label?: string;
  readonly className?: string;
}): ReactNode {
  const { text, title, label, className } = props;
  const [copied, setCopied] = useState<string>();
  return (
    <button
      type="button"
      className={className}
      aria-label={label}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => setCopied(text));
      }}
    >
      {copied === text ? 'Copied' : title}
    </button>
  );
}

/** Text with line breaks allowed after the separators of ARNs and paths. */
export function Breakable({ text }: { readonly text: string }): ReactNode {
  return text.split(/(?<=[/:])/).map((part, index) => (
    <Fragment key={index}>
      {part}
      <wbr />
    </Fragment>
  ));
}

/** A command for the terminal, with a button that copies it. */
export function Command({
  text,
  label = 'In the terminal',
}: {
  readonly text: string;
  readonly label?: string;
}): ReactNode {
  return (
    <p className="command">
      <span className="muted">{label}:</span> <code>{text}</code>
      <CopyButton text={text} title="Copy" label={`Copy the command ${text}`} />
    </p>
  );
}

export function Problem({
  title,
  message,
  next,
}: {
  readonly title: string;
  readonly message: string;
  readonly next: readonly string[];
}): ReactNode {
  return (
    <section className="problem" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {next.length > 0 && (
        <ul>
          {next.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function QueryProblem({ error, title }: { readonly error: Error; readonly title: string }): ReactNode {
  const next = error instanceof ApiError ? [...error.details, ...error.next] : [];
  return <Problem title={title} message={error.message} next={next} />;
}

export function Empty({ children }: { readonly children: ReactNode }): ReactNode {
  return <p className="empty">{children}</p>;
}

const refreshMs = 5000;

/** Time in milliseconds since the epoch, refreshed every few seconds. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), refreshMs);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Age in the format of the command line: `12s`, `5m`, `3h`, `2d`. */
export function age(timestamp: string | undefined, now: number): string {
  if (timestamp === undefined) return '';
  const seconds = Math.max(0, Math.round((now - Date.parse(timestamp)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

export const toneOf = (status: 'True' | 'False' | 'Unknown'): Tone =>
  status === 'True' ? 'good' : status === 'False' ? 'bad' : 'unknown';
