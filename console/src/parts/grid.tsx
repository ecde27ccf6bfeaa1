/**
 * Grid for lists with many rows. Only visible rows are in the document. Arrow keys move the active row, and Enter opens
 * it.
 * https://www.w3.org/WAI/ARIA/apg/patterns/grid/
 */
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { go } from '../router.ts';

export type GridColumn<T> = {
  readonly header: string;
  /** A CSS track size, e.g. `2fr`. */
  readonly width: string;
  readonly cell: (row: T) => ReactNode;
};

const rowHeight = 36;
/** Number of extra rows rendered above and below the visible rows. */
const margin = 8;
/** Minimum number of rows that the grid shows below its header, even if other parts of the page fill the window. */
const leastRows = 6;

export function Grid<T>({
  label,
  columns,
  rows,
  rowKey,
  href,
}: {
  readonly label: string;
  readonly columns: readonly GridColumn<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly href: (row: T) => string;
}): ReactNode {
  const id = useId();
  const body = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState(0);

  useEffect(() => {
    const element = body.current;
    if (!element) return undefined;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  const current = Math.min(active, Math.max(0, rows.length - 1));
  const first = Math.max(0, Math.floor(view.top / rowHeight) - margin);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + margin);
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') };
  const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);

  const move = (to: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setActive(next);
    const element = body.current;
    if (!element) return;
    if (next * rowHeight < element.scrollTop) element.scrollTop = next * rowHeight;
    const bottom = (next + 1) * rowHeight - element.clientHeight;
    if (bottom > element.scrollTop) element.scrollTop = bottom;
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === 'Enter' && event.target === event.currentTarget) {
      const row = rows[current];
      if (row !== undefined) go(href(row));
    }
  };

  return (
    <div
      className="grid"
      style={{ minHeight: (Math.min(rows.length, leastRows) + 1) * rowHeight }}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      tabIndex={0}
      aria-activedescendant={rows.length > 0 ? `${id}-${current}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div className="grid-head" role="row" aria-rowindex={1} style={template}>
        {columns.map(({ header }) => (
          <div key={header} role="columnheader">
            {header}
          </div>
        ))}
      </div>
      <div className="grid-body" role="rowgroup" ref={body}>
        <div className="grid-space" role="presentation" style={{ height: rows.length * rowHeight }}>
          {rows.slice(first, last).map((row, offset) => {
            const index = first + offset;
            return (
              <div
                key={rowKey(row)}
                id={`${id}-${index}`}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={index === current}
                className="grid-row"
                style={{ ...template, transform: `translateY(${index * rowHeight}px)` }}
                onClick={(event) => {
                  setActive(index);
                  if (!(event.target as Element).closest('a, button')) go(href(row));
                }}
              >
                {columns.map(({ header, cell }) => (
                  <div key={header} role="gridcell">
                    {cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
