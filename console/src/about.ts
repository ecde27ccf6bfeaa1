/** Facts about the server: version, cluster, user. */
import { useQuery } from '@tanstack/react-query';
import type { About } from '../../src/cli/console/wire.ts';
import { request } from './api.ts';

export function useAbout(): About | undefined {
  return useQuery({ queryKey: ['about'], queryFn: ({ signal }) => request<About>('about', { signal }) }).data;
}

/** Returns the start of a command for the terminal: `kon` with the options that select the cluster. */
export function useKon(): string {
  return useAbout()?.kon ?? 'kon';
}
