import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppSpec } from '../../../../api/app.ts';
import { imageOf } from '../columns.ts';
import { imageChanges, withImage } from './plan.ts';

const spec = (image: Pick<AppSpec, 'image' | 'imageTag' | 'registry'>): AppSpec => ({
  ...image,
  targets: [{ name: 'production', deployMode: 'latest' }],
});

const digest = `sha256:${'0'.repeat(64)}`;

describe('the image fields of a spec', () => {
  it.each([
    {
      name: 'the tag alone',
      before: { image: 'nginx', imageTag: '2' },
      image: 'nginx:1',
      after: { image: 'nginx', imageTag: '1' },
    },
    {
      name: 'the tag below a registry',
      before: { registry: 'reg.example:5000/', image: 'team/web', imageTag: '2' },
      image: 'reg.example:5000/team/web:1',
      after: { registry: 'reg.example:5000/', image: 'team/web', imageTag: '1' },
    },
    {
      name: 'an image of another registry leaves the field of the registry',
      before: { registry: 'new.example', image: 'web', imageTag: '2' },
      image: 'old.example:5000/web:1',
      after: { image: 'old.example:5000/web', imageTag: '1' },
    },
    {
      name: 'a digest has no tag',
      before: { image: 'web', imageTag: '2' },
      image: `web@${digest}`,
      after: { image: `web@${digest}` },
    },
    {
      name: 'without a tag there is none',
      before: { image: 'web', imageTag: '2' },
      image: 'web',
      after: { image: 'web' },
    },
    {
      name: 'a tag within the image stays there',
      before: { image: 'web:2' },
      image: 'web:1',
      after: { image: 'web:1' },
    },
    {
      name: 'a port of a registry is no tag',
      before: { image: 'localhost:5000/web' },
      image: 'localhost:5000/web:1',
      after: { image: 'localhost:5000/web', imageTag: '1' },
    },
  ])('$name', ({ before, image, after }) => {
    expect(withImage(spec(before), image)).toEqual(spec(after));
    expect(imageOf({ spec: withImage(spec(before), image) } as never)).toBe(image);
  });

  it('contain the wanted image after a change from any earlier image', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,6}$/);
    const registry = fc.oneof(
      part,
      fc.tuple(part, fc.nat(9999)).map(([host, port]) => `${host}:${port}`),
    );
    const tag = fc.option(part, { nil: undefined });
    const arbitrary = fc.record({
      registry: fc.option(registry, { nil: undefined }),
      image: part,
      imageTag: tag,
    });
    const whole = ({
      registry,
      image,
      imageTag,
    }: {
      registry?: string | undefined;
      image: string;
      imageTag?: string | undefined;
    }): string =>
      `${registry === undefined ? '' : `${registry}/`}${image}${imageTag === undefined ? '' : `:${imageTag}`}`;
    fc.assert(
      fc.property(arbitrary, arbitrary, (before, wanted) => {
        const current = spec(
          Object.fromEntries(Object.entries(before).filter(([, value]) => value !== undefined)) as {
            image: string;
          },
        );
        expect(imageOf({ spec: withImage(current, whole(wanted)) } as never)).toBe(whole(wanted));
      }),
    );
  });

  it('are listed with their old and new values if they change', () => {
    const before = spec({ registry: 'reg', image: 'web', imageTag: '2' });
    expect(imageChanges(before, withImage(before, 'web:1'))).toEqual([
      { field: 'registry', from: 'reg', to: undefined },
      { field: 'imageTag', from: '2', to: '1' },
    ]);
    expect(imageChanges(before, withImage(before, 'reg/web:2'))).toEqual([]);
  });
});
