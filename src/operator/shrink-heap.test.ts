import { afterEach, expect, it } from 'vitest';
import { createSimulatedTime } from '../kube/testing/simulated-time.ts';
import { shrinkHeapWhenIdle } from './shrink-heap.ts';

const mebibyte = 1024 * 1024;
const abort = { controller: new AbortController() };
afterEach(() => abort.controller.abort());

function setUp() {
  const time = createSimulatedTime();
  const state = { size: 60 * mebibyte, isIdle: true, givenBackAt: [] as number[] };
  const heap = {
    size: () => state.size,
    shrink: () => {
      state.size = 40 * mebibyte;
      state.givenBackAt.push(time.now());
    },
  };
  abort.controller = new AbortController();
  const ended = shrinkHeapWhenIdle(
    { heap, isIdle: () => state.isIdle, now: time.now, setTimer: time.setTimer },
    abort.controller.signal,
  );
  return { time, state, ended };
}

it('an operator that has been idle for a while returns memory to the operating system', async () => {
  const { time, state } = setUp();
  state.isIdle = false;
  await time.advance(60_000);
  state.isIdle = true;
  await time.advance(9_000);
  state.isIdle = false;
  await time.advance(2_000);
  state.isIdle = true;
  expect(state.givenBackAt).toEqual([]);
  await time.advance(12_000);
  expect(state.givenBackAt).toHaveLength(1);
});

it('the operator does not shrink a heap that has hardly grown since the last collection', async () => {
  const { time, state } = setUp();
  await time.advance(10_000);
  expect(state.givenBackAt).toEqual([10_000]);
  state.size = 55 * mebibyte;
  await time.advance(600_000);
  expect(state.givenBackAt).toEqual([10_000]);
  state.size = 56 * mebibyte;
  await time.advance(2_000);
  expect(state.givenBackAt).toEqual([10_000, 612_000]);
});

it('the operator does not return the memory that every drift pass needs again', async () => {
  const { time, state } = setUp();
  await time.advance(10_000);
  state.size = 80 * mebibyte;
  await time.advance(118_000);
  expect(state.givenBackAt).toEqual([10_000]);
  await time.advance(2_000);
  expect(state.givenBackAt).toEqual([10_000, 130_000]);
});

it('when the operator stops, the shrinking of the heap stops and leaves no timer', async () => {
  const { time, ended } = setUp();
  await time.advance(3_000);
  abort.controller.abort();
  await ended;
  expect(time.pending()).toBe(0);
});
