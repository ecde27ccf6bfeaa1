/** Frame of the page: navigation, connection state, and the screen for the current address. */
import { useEffect, useRef, type ReactNode } from 'react';
import { useAbout } from './about.ts';
import { CopyButton, Empty, Link, age, useNow } from './parts/basics.tsx';
import { outages } from './parts/source-problems.tsx';
import { usePlace, type Place } from './router.ts';
import { Account } from './screens/account.tsx';
import { Changes } from './screens/changes.tsx';
import { AccountMap } from './screens/account-map.tsx';
import { Pod } from './screens/pod.tsx';
import { Pods } from './screens/pods.tsx';
import { Proofs } from './screens/proofs.tsx';
import { WhoCan } from './screens/who-can.tsx';
import { useCluster } from './store.ts';

const screens = [
  { href: '/', title: 'Map', noun: 'accounts' },
  { href: '/pods', title: 'Pods', noun: 'pods' },
  { href: '/proofs', title: 'Proofs', noun: 'proofs' },
  { href: '/who-can', title: 'Who can', noun: 'who-can' },
  { href: '/changes', title: 'Changes', noun: 'changes' },
] as const;

export function App(): ReactNode {
  const place = usePlace();
  const about = useAbout();
  const main = useRef<HTMLElement>(null);
  const [noun = 'accounts'] = place.path;
  const screen = place.path.join('/');
  useEffect(() => {
    const heading = main.current?.querySelector('h1')?.textContent;
    document.title = heading ? `${heading} · Konstellation` : 'Konstellation';
  }, [screen]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <Link href="/" className="brand">
          Konstellation
        </Link>
        <nav aria-label="Screens">
          {screens.map(({ href, title, noun: own }) => (
            <Link key={href} href={href} current={noun === own}>
              {title}
            </Link>
          ))}
        </nav>
        <p className="where">
          {about
            ? `${about.cluster ?? about.context ?? about.server}${about.user ? ` as ${about.user}` : ''}`
            : ''}
        </p>
        <CopyButton className="share" text={location.origin + place.href} title="Copy link" />
        <ConnectionState />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Screen place={place} />
      </main>
    </>
  );
}

function Screen({ place: { path } }: { readonly place: Place }): ReactNode {
  const [noun, one, two] = path;
  if (noun === undefined) return <AccountMap />;
  if (noun === 'accounts' && one !== undefined) return <Account key={one} name={one} />;
  if (noun === 'pods' && one !== undefined && two !== undefined)
    return <Pod key={`${one}/${two}`} namespace={one} name={two} />;
  if (noun === 'pods' && one === undefined) return <Pods />;
  if (noun === 'proofs') return <Proofs />;
  if (noun === 'who-can') return <WhoCan />;
  if (noun === 'changes') return <Changes />;
  return (
    <>
      <h1>There is no such screen</h1>
      <Empty>
        <Link href="/">Open the map</Link>
      </Empty>
    </>
  );
}

/** Shows whether the page receives live updates or, if not, how long ago the connection was lost. */
function ConnectionState(): ReactNode {
  const { connection, status } = useCluster();
  const now = useNow();
  if (connection.state === 'lost')
    return (
      <p className="connection lost" role="status">
        Connection lost {age(new Date(connection.since).toISOString(), now)} ago, connecting …
      </p>
    );
  const states = Object.values(status);
  const failed = states.flatMap((each) => (each.state === 'failed' ? [outages[each.code]] : []));
  const outage = failed.find((text) => text !== undefined);
  if (outage !== undefined)
    return (
      <p className="connection lost" role="status">
        {outage} What is shown may be outdated.
      </p>
    );
  const isLoading = connection.state === 'connecting' || states.some((each) => each.state === 'loading');
  return (
    <p className="connection" role="status">
      {isLoading ? 'Loading …' : 'Live'}
    </p>
  );
}
