/** A job as the API shows it: the view that every door shares. */
export { acceptedView, viewOf } from '../../job/view/view.ts';
