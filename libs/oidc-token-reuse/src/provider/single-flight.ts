/** Does once what many ask for at the same time. */

/** Work that is never done twice at once. Nothing is kept: whoever asks after its end starts it again. */
export class SingleFlight<Result> {
  private flight: Promise<Result> | undefined;

  constructor(private readonly work: () => Promise<Result>) {}

  get isFlying(): boolean {
    return this.flight !== undefined;
  }

  /** The result for all who ask until the work has ended, however it ends. */
  run(): Promise<Result> {
    this.flight ??= this.work().finally(() => {
      this.flight = undefined;
    });
    return this.flight;
  }

  /** Waits until what is under way has ended, if anything is. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.flight]);
  }
}
