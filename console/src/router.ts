/** Addresses of the screens. The address contains all state that a shared link has to restore. */
import { useSyncExternalStore, type MouseEvent } from 'react';

export type Place = {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly href: string;
};

const listeners = new Set<() => void>();
const changed = (): void => listeners.forEach((listener) => listener());
window.addEventListener('popstate', changed);

export function go(href: string, options: { readonly replace?: boolean } = {}): void {
  if (href === location.pathname + location.search) return;
  if (options.replace) history.replaceState(undefined, '', href);
  else history.pushState(undefined, '', href);
  changed();
  if (!options.replace) document.querySelector('main')?.scrollTo(0, 0);
}

export function usePlace(): Place {
  const href = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => location.pathname + location.search,
  );
  const [pathname = '', search = ''] = href.split('?');
  return {
    href,
    path: pathname.split('/').filter(Boolean).map(decodeURIComponent),
    query: new URLSearchParams(search),
  };
}

/**
 * Opens a link within the page, without a reload. A click with a modifier key keeps its usual effect in the browser.
 */
export function followLink(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(event.currentTarget.getAttribute('href') ?? '/');
}

export const accountHref = (name: string): string => `/accounts/${encodeURIComponent(name)}`;
export const podHref = (namespace: string, name: string): string =>
  `/pods/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
