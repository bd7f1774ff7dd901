"""The classes that `multihead_attention` writes into a generated module."""

from __future__ import annotations

#: What there is to most networks.
MULTIHEAD_ATTENTION = '''\
class MultiheadAttention(nn.MultiheadAttention):
    """Attention, batch first; a query whose keys are all masked gets 0 of them.

    nn.MultiheadAttention gives NaN there when it evaluates.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        is_causal: bool = False,
        **options: bool | float | int,
    ) -> None:
        super().__init__(embed_dim, num_heads, batch_first=True, **options)
        self.is_causal = is_causal

    def forward(
        self,
        x: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
    ) -> Tensor:
        if key is None and value is None:
            q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            key = x if key is None else key
            value = key if value is None else value
            if self.in_proj_weight is None:
                weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            else:
                weights = self.in_proj_weight.chunk(3)
            biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
            q, k, v = (F.linear(y, w, b) for y, w, b in zip((x, key, value), weights, biases))
        q, k, v = (y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for y in (q, k, v))
        mask = None  # true where a query may look
        if key_padding_mask is not None:
            mask = ~key_padding_mask[:, None, None, :]
            if self.is_causal:
                mask = mask & mask.new_ones(q.shape[2], k.shape[2]).tril()
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.is_causal and mask is None,
        )
        return self.out_proj(y.transpose(1, 2).flatten(2))
'''

#: Where heads share keys and values, or `attn_mask` is given.
GROUPED_QUERY_ATTENTION = '''\
class GroupedQueryAttention(nn.Module):
    """Attention, batch first, in which several heads of queries may share one of keys and values.

    Masks are those of nn.MultiheadAttention: true where a query may not look, or added to
    the scores. A query whose keys are all masked gets 0 of them.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        num_kv_heads: int,
        is_causal: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads
        self.is_causal = is_causal
        self.dropout = dropout
        shared = embed_dim // num_heads * num_kv_heads
        self.rows = (embed_dim, shared, shared)
        widths = (embed_dim, kdim or embed_dim, vdim or embed_dim)
        if widths == (embed_dim,) * 3:
            self.in_proj_weight = nn.Parameter(torch.empty(sum(self.rows), embed_dim))
        else:
            self.in_proj_weight = None
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = (
                nn.Parameter(torch.empty(rows, width)) for rows, width in zip(self.rows, widths)
            )
        for weight in self.parameters():
            nn.init.xavier_uniform_(weight)
        self.in_proj_bias = nn.Parameter(torch.zeros(sum(self.rows))) if bias else None
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        if bias:
            nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        x: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
    ) -> Tensor:
        if key is None and value is None:
            whole = F.linear(x, self.in_proj_weight, self.in_proj_bias)
            q, k, v = whole.split(self.rows, dim=-1)
        else:
            key = x if key is None else key
            value = key if value is None else value
            if self.in_proj_weight is None:
                weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            else:
                weights = self.in_proj_weight.split(self.rows)
            bias = self.in_proj_bias
            biases = (None,) * 3 if bias is None else bias.split(self.rows)
            q, k, v = (F.linear(y, w, b) for y, w, b in zip((x, key, value), weights, biases))
        q = q.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        k, v = (y.unflatten(-1, (self.num_kv_heads, -1)).transpose(1, 2) for y in (k, v))
        mask = self.mask(x, k.shape[2], key_padding_mask, attn_mask)
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.is_causal and mask is None,
            enable_gqa=self.num_kv_heads != self.num_heads,
        )
        return self.out_proj(y.transpose(1, 2).flatten(2))

    def mask(
        self,
        x: Tensor,
        keys: int,
        key_padding_mask: Tensor | None,
        attn_mask: Tensor | None,
    ) -> Tensor | None:
        """All masks in one, true where a query may look, or added to the scores."""
        blocked = None  # true where a query may not look
        if key_padding_mask is not None:
            blocked = key_padding_mask[:, None, None, :]
        if attn_mask is not None and attn_mask.dim() == 3:
            # One for each sample, or for each head of each sample.
            attn_mask = attn_mask.unflatten(0, (x.shape[0], -1))
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            blocked = attn_mask if blocked is None else blocked | attn_mask
            attn_mask = None
        if self.is_causal and (blocked is not None or attn_mask is not None):
            later = torch.ones(x.shape[1], keys, dtype=torch.bool, device=x.device).triu(1)
            blocked = later if blocked is None else blocked | later
        if attn_mask is None:
            return None if blocked is None else ~blocked
        return attn_mask if blocked is None else torch.where(blocked, float("-inf"), attn_mask)
'''
