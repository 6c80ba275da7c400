-- Until the end of the transaction no cancel is given; how often one was.
SELECT cancels FROM {corpus}.corpus FOR SHARE
