import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageRepository, operatorImage, parseImage } from './image.ts';

const digest = `sha256:${'0a'.repeat(32)}`;

describe('parseImage', () => {
  it.each([
    operatorImage,
    `${imageRepository}@${digest}`,
    `${imageRepository}:0.1.0@${digest}`,
    'konstellation:dev',
    'localhost:5000/konstellation:dev',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/konstellation:1_2-3',
    `[::1]:5000/k@${digest}`,
  ])('accepts %s', (text) => {
    expect(parseImage(text)).toBe(text);
  });

  it.each([
    ['', 'is not an image name'],
    ['Konstellation:1', 'is not an image name'],
    ['konstellation@sha256:0a', 'is not an image name'],
    [`konstellation@sha256:${'0A'.repeat(32)}`, 'is not an image name'],
    [`konstellation@md5:${'0a'.repeat(16)}`, 'is not an image name'],
    [`konstellation@${digest}x`, 'is not an image name'],
    ['konstellation:', 'is not an image name'],
    ['konstellation:1 ', 'is not an image name'],
    ['https://ghcr.io/k11n/konstellation:1', 'is not an image name'],
    ['konstellation', 'has no tag or digest'],
    ['localhost:5000/konstellation', 'has no tag or digest'],
  ])('refuses "%s"', (text, why) => {
    expect(() => parseImage(text)).toThrow(why);
  });
});

it('the default image of the operator is the image of the chart', () => {
  const read = (name: string): unknown =>
    parse(readFileSync(join(import.meta.dirname, '../../../charts/konstellation', name), 'utf8'));
  const { image } = read('values.yaml') as { readonly image: { readonly repository: string } };
  const { appVersion } = read('Chart.yaml') as { readonly appVersion: string };
  expect(`${image.repository}:${appVersion}`).toBe(operatorImage);
});
