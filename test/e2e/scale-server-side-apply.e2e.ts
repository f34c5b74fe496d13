import { scale } from './scale.ts';

scale('server-side-apply');
