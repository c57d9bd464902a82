/** A guard that refuses everybody: the floor of every refusal. */
import { UnauthorizedException } from '@nestjs/common';

export const setUp = () => ({
  guard: () => {
    throw new UnauthorizedException();
  },
});
