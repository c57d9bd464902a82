import { describe, expect, it } from '@jest/globals';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { accessOf } from '../../src/guard/access.js';
import { OptionalAuth, Public, RequireAcr, RequireRoles, RequireScopes } from '../../src/guard/decorators.js';

class Plain {
  @Public() open() {}
  @OptionalAuth() optional() {}
  @RequireScopes('a') scoped() {}
  @Public() @RequireScopes('a') contradicting() {}
  @OptionalAuth() @RequireRoles('a') contradictingToo() {}
  silent() {}
}

@Public()
class Open {
  silent() {}
  @OptionalAuth() optional() {}
  @RequireScopes('a') scoped() {}
  @RequireRoles('a') forRoles() {}
  @RequireAcr('a') strong() {}
  @RequireScopes() signedIn() {}
}

@OptionalAuth()
class Optional {
  silent() {}
  @Public() open() {}
  @RequireScopes('a') scoped() {}
}

@RequireScopes('a')
class Scoped {
  silent() {}
  @Public() open() {}
  @OptionalAuth() optional() {}
}

describe('accessOf', () => {
  it.each([
    [Plain, 'silent', 'protected'],
    [Plain, 'open', 'public'],
    [Plain, 'optional', 'optional'],
    [Plain, 'scoped', 'protected'],
    [Plain, 'contradicting', 'protected'],
    [Plain, 'contradictingToo', 'protected'],
    [Open, 'silent', 'public'],
    [Open, 'optional', 'optional'],
    [Open, 'scoped', 'protected'],
    [Open, 'forRoles', 'protected'],
    [Open, 'strong', 'protected'],
    [Open, 'signedIn', 'protected'],
    [Optional, 'silent', 'optional'],
    [Optional, 'open', 'public'],
    [Optional, 'scoped', 'protected'],
    [Scoped, 'silent', 'protected'],
    [Scoped, 'open', 'public'],
    [Scoped, 'optional', 'optional'],
  ])('%p.%s is %s', (type, name, expected) => {
    const handler: unknown = Object.getOwnPropertyDescriptor(type.prototype, name)?.value;
    const context = new ExecutionContextHost([], type, handler as () => void);
    expect(accessOf(context, new Reflector())).toBe(expected);
  });
});
