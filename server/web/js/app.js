import { draw } from './views/x.js';

draw(document.getElementById('content'));
