import { scale } from './scale.ts';

scale('dynamic-apply');
