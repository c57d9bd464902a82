/** `express-oauth2-jwt-bearer`, as its documentation shows: middleware, whose errors an error handler of Express answers. */
import { auth } from 'express-oauth2-jwt-bearer';

export const setUp = ({ issuer, audience }) => ({
  prepare: (application) => {
    application.use(auth({ issuerBaseURL: issuer, audience }));
    application.use((error, _request, response, _next) => {
      response
        .status(error.status ?? 500)
        .set(error.headers)
        .json({ message: error.message });
    });
  },
});
