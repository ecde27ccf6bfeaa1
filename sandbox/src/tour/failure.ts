/** Ends the tour because an assertion failed, a wait timed out, or a command had an unexpected exit code. */
export class TourFailure extends Error {
  override readonly name = 'TourFailure';
}
