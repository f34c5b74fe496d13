/** The exercise of CONTRIBUTING.md begins with a fixture that holds, but for what the reader is to add. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { readPages } from './pages.ts';

const { blocks } = readPages().find(({ path }) => path === 'CONTRIBUTING.md')!;
const fixture = JSON.parse(blocks.find(({ language }) => language === 'json')!.text);

test('all that the exercise changes is the annotation', () => {
  const { annotations, ...response } = fixture.response;
  assert.equal(Object.keys(annotations), ['example.com/pool']);
  const request = { attachments: {}, related: {}, ...fixture.request };
  assert.equal(
    controllers['claim-router']!.sync(request as never, { now: 0, config: DEFAULT_CONFIG }),
    response,
  );
});

test.run();
