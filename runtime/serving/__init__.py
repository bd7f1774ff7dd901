"""Models behind HTTP and gRPC, by the Open Inference Protocol v2, and the page to try them.

limits, refusals     what is taken, and what ends a request
datatypes            tensors as the protocol writes them
forms                what a model takes and gives
batching             requests that wait run together
served, catalogue    a model file that answers; the models of a server
rows, form           rows of a table by the names of their columns; what a page needs of them
infer_http, app      the REST side; bodies, openapi, metrics, guard, page_files belong to it
connections, server  sockets, their deadlines, and how the server starts and ends
"""
