/**
 * Filter of a list. The page's address contains the filter text. The key `/` focuses the filter; the down arrow key
 * moves the focus to the list.
 */
import { useLayoutEffect, useRef, type ReactNode, type RefObject } from 'react';
import { go, usePlace } from '../router.ts';

export function useFilter(): string {
  return usePlace().query.get('q') ?? '';
}

/** Returns a ref for an input. The key `/` focuses this input. */
export function useSlash(): RefObject<HTMLInputElement | null> {
  const input = useRef<HTMLInputElement>(null);
  // A layout effect runs before the input is visible, so the page misses no key.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof Element && event.target.matches('input, textarea, select');
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
  return input;
}

export function Filter({
  label,
  shown,
  all,
}: {
  readonly label: string;
  readonly shown: number;
  readonly all: number;
}): ReactNode {
  const { href, query } = usePlace();
  const input = useSlash();
  return (
    <div className="filter">
      <input
        ref={input}
        type="search"
        aria-label={label}
        placeholder={`${label} ( / )`}
        value={query.get('q') ?? ''}
        onChange={(event) => {
          const next = new URLSearchParams(query);
          if (event.target.value === '') next.delete('q');
          else next.set('q', event.target.value);
          const text = next.toString();
          go(`${href.split('?')[0]}${text === '' ? '' : `?${text}`}`, { replace: true });
        }}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
          event.preventDefault();
          document.querySelector<HTMLElement>('[role=grid]')?.focus();
        }}
      />
      <span className="muted" role="status">
        {shown === all ? `${all}` : `${shown} of ${all}`}
      </span>
    </div>
  );
}

/** Whether each word of the filter occurs in at least one of the texts. */
export function matches(filter: string, ...texts: readonly (string | undefined)[]): boolean {
  const text = texts.join(' ').toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
