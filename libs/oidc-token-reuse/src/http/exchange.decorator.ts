/** Hands the exchange to a controller's handler. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { httpExchange, type HttpExchange } from './http-exchange.js';

/** The exchange of an execution context; undefined when the context is not HTTP. */
export function exchangeOf(context: ExecutionContext): HttpExchange | undefined {
  if (context.getType<string>() !== 'http') return undefined;
  const http = context.switchToHttp();
  return httpExchange(http.getRequest<object>(), http.getResponse<object>());
}

export const Exchange = createParamDecorator((_data: unknown, context: ExecutionContext) => exchangeOf(context));
