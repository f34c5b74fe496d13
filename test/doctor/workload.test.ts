import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { goFlag, imageName, imageVersion, quantityBytes } from '../../lib/doctor/workload.ts';

const images: [image: string, name: string, version: string | undefined][] = [
  ['ghcr.io/metacontroller/metacontroller:v4.17.0', 'metacontroller', '4.17'],
  ['metacontrollerio/metacontroller:4.15.1-distroless@sha256:0a', 'metacontroller', '4.15'],
  ['localhost:5000/metacontroller', 'metacontroller', undefined],
  ['metacontroller@sha256:0a', 'metacontroller', undefined],
  ['metacontroller:latest', 'metacontroller', undefined],
  ['', '', undefined],
];
for (const [image, name, version] of images) {
  test(`image ${image}`, () => {
    assert.is(imageName({ name: 'any', image }), name);
    assert.is(imageVersion({ name: 'any', image })?.join('.'), version);
  });
}

test('flags of a Go program', () => {
  const value = (...args: string[]) => goFlag({ name: 'any', args }, 'workers');
  assert.is(value('--workers=20'), '20');
  assert.is(value('-workers', '20'), '20');
  assert.is(value('--workers=5', '--workers=20'), '20');
  assert.is(value('--workers'), 'true');
  assert.is(value('--workers', '--other=1'), 'true');
  assert.is(value('--workers-max=20'), undefined);
});

test('quantities of memory', () => {
  for (const [text, bytes] of [
    ['1Gi', 2 ** 30],
    ['512Mi', 2 ** 29],
    ['1G', 1e9],
    ['1073741824', 2 ** 30],
    ['500k', 5e5],
  ] as const) {
    assert.is(quantityBytes(text), bytes, text);
  }
  assert.is(quantityBytes('much'), undefined);
});

test.run();
