import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { OptionalAuth, Public, RequireAcr, RequireRoles, RequireScopes } from '../../src/guard/decorators.js';
import type { Requirements } from '../../src/guard/authorization.js';
import { HandlerRules, type Access } from '../../src/guard/handler-rules.js';

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

@RequireScopes('a')
@RequireRoles('a')
class Demanding {
  silent() {}
  @RequireScopes('b', 'c') other() {}
  @RequireScopes() lifted() {}
  @RequireAcr('d') strong() {}
}

const rulesOf = (type: Type, name: string, rules = new HandlerRules(new Reflector())) => {
  const prototype = type.prototype as object;
  const handler = Object.getOwnPropertyDescriptor(prototype, name)?.value as () => void;
  return rules.of(new ExecutionContextHost([], type, handler));
};

describe('HandlerRules', () => {
  it.each<[Type, string, Access]>([
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
  ])('%p.%s is %s', (type, name, access) => {
    expect(rulesOf(type, name).access).toBe(access);
  });

  it.each<[string, Requirements]>([
    ['silent', { scopes: ['a'], roles: ['a'], acrValues: [] }],
    ['other', { scopes: ['b', 'c'], roles: ['a'], acrValues: [] }],
    ['lifted', { scopes: [], roles: ['a'], acrValues: [] }],
    ['strong', { scopes: ['a'], roles: ['a'], acrValues: ['d'] }],
  ])("what %s asks for replaces its class's, kind by kind", (name, requirements) => {
    expect(rulesOf(Demanding, name).requirements).toEqual(requirements);
  });

  it('tells the classes apart that share a handler, and remembers each', () => {
    class Inner extends Open {}
    const rules = new HandlerRules(new Reflector());
    const handler = Object.getOwnPropertyDescriptor(Open.prototype, 'silent')?.value as () => void;
    const protectedHost = new ExecutionContextHost([], Plain, handler);
    const publicHost = new ExecutionContextHost([], Inner, handler);
    for (let round = 0; round < 2; round += 1) {
      expect([rules.of(protectedHost).access, rules.of(publicHost).access]).toEqual(['protected', 'public']);
    }
    expect(rules.of(publicHost)).toBe(rules.of(publicHost));
  });
});
