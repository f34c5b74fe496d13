import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLogger, type LogOptions } from '../../lib/server/log.ts';

function logged(options: LogOptions, use: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  use(
    createLogger(options, {
      write(line: string) {
        text += line;
      },
    }),
  );
  return text;
}

test('json: one object a line, with time and level as text', () => {
  const text = logged({ level: 'info', format: 'json' }, (logger) => {
    logger.debug('unseen');
    logger.info({ port: 1 }, 'seen');
  });
  const { time, ...entry } = JSON.parse(text);
  assert.equal(entry, { level: 'info', port: 1, msg: 'seen' });
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('text: time, level, message, fields; an error brings its stack', () => {
  const text = logged({ level: 'info', format: 'text' }, (logger) => {
    logger.info({ port: 1, path: '/a', reason: 'two words' }, 'seen');
    logger.error({ err: new Error('broken') }, 'failed');
  });
  const [first, second, ...stack] = text.split('\n');
  assert.match(first!, /^\S+Z INFO {2}seen port=1 path=\/a reason="two words"$/);
  assert.match(second!, /^\S+Z ERROR failed$/);
  assert.is(stack[0], 'Error: broken');
  assert.match(stack[1]!, 'log.test.ts');
});

test.run();
