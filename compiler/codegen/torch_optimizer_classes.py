"""The optimizers that torch.optim does not have, as source text of a generated module."""

from __future__ import annotations

#: By name; each is written into a module that uses it, above its functions.
CLASSES: dict[str, str] = {
    "MuonWithAdamW": '''\
class MuonWithAdamW(torch.optim.Optimizer):
    """Muon for the matrices of hidden layers and AdamW for the rest, with one state."""

    def __init__(self, muon: torch.optim.Muon, adamw: torch.optim.AdamW) -> None:
        self.muon = muon
        self.adamw = adamw
        super().__init__([*muon.param_groups, *adamw.param_groups], {})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # Loading a state puts other groups here: both work on those that a schedule sees.
        count = len(self.muon.param_groups)
        self.muon.param_groups = self.param_groups[:count]
        self.adamw.param_groups = self.param_groups[count:]
        self.muon.state = self.adamw.state = self.state
        self.muon.step()
        self.adamw.step()
        return loss
''',
    "Newton": '''\
class Newton(torch.optim.Optimizer):
    """Newton's method on all parameters together, damped after Marquardt.

    `step(closure)` calls `closure(backward=False)`, which gives the loss and leaves the
    gradients to the optimizer.
    """

    def __init__(self, params, lr: float, damping: float, factor: float, tries: int) -> None:
        defaults = {"lr": lr, "damping": damping, "factor": factor, "tries": tries}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure):
        group = self.param_groups[0]
        weights = group["params"]
        start = [w.clone() for w in weights]
        with torch.enable_grad():
            loss = closure(backward=False)
            gradient, hessian = self.derivatives(loss, weights)
        for _ in range(group["tries"]):
            damping = group["damping"] * torch.eye(len(gradient)).to(hessian)
            factor, failed = torch.linalg.cholesky_ex(hessian + damping)
            if not failed:
                direction = torch.cholesky_solve(gradient[:, None], factor)[:, 0]
                self.move(weights, start, group["lr"] * direction)
                if closure(backward=False) <= loss:
                    group["damping"] = max(group["damping"] / group["factor"], 1e-6)
                    return loss
            group["damping"] = min(group["damping"] * group["factor"], 1e12)
        self.move(weights, start, torch.zeros_like(gradient))
        return loss

    def derivatives(self, loss, weights):
        """The gradient and the Hessian of all parameters as one vector, in double precision."""
        first = torch.autograd.grad(loss, weights, create_graph=True, materialize_grads=True)
        gradient = torch.cat([g.reshape(-1) for g in first])
        if not gradient.requires_grad:
            hessian = torch.zeros(len(gradient), len(gradient)).to(gradient)
            return gradient.double(), hessian.double()

        def row(direction):
            second = torch.autograd.grad(
                gradient, weights, direction, retain_graph=True, materialize_grads=True
            )
            return torch.cat([g.reshape(-1) for g in second])

        hessian = torch.func.vmap(row)(torch.eye(len(gradient)).to(gradient))
        return gradient.detach().double(), hessian.detach().double()

    def move(self, weights, start, change):
        parts = change.split([w.numel() for w in weights])
        for w, before, part in zip(weights, start, parts):
            w.copy_(before - part.view_as(w))
''',
}
